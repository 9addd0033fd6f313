// How the page is bundled. Not for serving it: `holdfast` embeds the result.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` talks to a host (or to dev/mock.mjs) at this address; the built page knows only its own origin.
const host = process.env["HOLDFAST_DEV_HOST"] ?? "http://127.0.0.1:7433";

/** Puts a compressed twin beside each text of the page, so that the host compresses nothing while it serves. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) { folder = path.resolve(config.root, config.build.outDir); },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|svg|html|webmanifest)$/.test(name)) continue;
        const file = path.join(folder, name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

export default defineConfig({
  plugins: [compressed()],
  base: "/",
  build: {
    target: "es2022",
    // Fonts and images stay files: the content policy of the host is easier to read without data: addresses.
    assetsInlineLimit: 0,
    // The browsers we aim for preload modules themselves.
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    proxy: {
      "/ws": { target: host, ws: true, changeOrigin: true },
      "/login": { target: host, changeOrigin: true },
      "/logout": { target: host, changeOrigin: true },
    },
  },
});
