// How the page is bundled. Not for serving it: `holdfast` embeds the result.
import { defineConfig } from "vite";

// `npm run dev` talks to a host (or to dev/mock.mjs) at this address; the built page knows only its own origin.
const host = process.env["HOLDFAST_DEV_HOST"] ?? "http://127.0.0.1:7433";

export default defineConfig({
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
