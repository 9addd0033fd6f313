# Holdfast in a container. What Codex runs, it runs in here, so add what your work needs (git, compilers) to the last stage, and
# mount your workspaces.
#
#   docker build -t holdfast .
#   docker run --rm -v holdfast:/var/lib/holdfast holdfast init       # once: writes the configuration and the token
#   docker run -d --name holdfast --network host -v holdfast:/var/lib/holdfast -v "$HOME/work:/work" holdfast
#
# --network host: the host listens on loopback alone and refuses anything else, also in a container. On a machine without it,
# put Tailscale into the same network namespace (docs/install.md). No token is in the image.

FROM node:22-bookworm-slim AS node

FROM rust:1.95-slim-bookworm AS build
# The page is built by the build script of the crate `web`, with Node. The C compiler is for SQLite.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package holdfast --bin holdfast && strip target/release/holdfast

FROM node:22-bookworm-slim
# Codex is an npm package; its version is the one that the host is tested with.
ARG CODEX_VERSION=0.169.0
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && npm install --global "@openai/codex@${CODEX_VERSION}" \
    && npm cache clean --force \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/holdfast --shell /usr/sbin/nologin holdfast \
    && install -d -m 0700 -o holdfast -g holdfast /var/lib/holdfast \
    && install -d -m 0755 -o holdfast -g holdfast /work
COPY --from=build /src/target/release/holdfast /usr/local/bin/holdfast

# The configuration, the token until it is moved, the journal, and CODEX_HOME.
USER holdfast
ENV HOME=/var/lib/holdfast \
    HOLDFAST_CONFIG=/var/lib/holdfast/holdfast.toml
VOLUME /var/lib/holdfast
WORKDIR /work

# Change the port here when the configuration changes it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["node", "-e", "fetch('http://127.0.0.1:7433/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# tini reaps what commands leave behind, and passes SIGTERM on: the host stops in good order.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "holdfast"]
CMD ["serve"]
