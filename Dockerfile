# syntax=docker/dockerfile:1
#
#   docker build -t threeqpr-events .                 on Node
#   docker build -t threeqpr-events --target deno .   on Deno
#
# The images run the bundled program. They write to /data only.

FROM nats:2.14.5-alpine AS nats

FROM node:24.21.0-alpine AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY runtime runtime
# No install scripts: this image has its own Node, and PGlite, which the bundle loads from its package, needs none.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY bin bin
COPY src src
COPY build.ts ./
RUN node build.ts --program \
  && mkdir -p /out/node_modules/@electric-sql \
  && cp -r node_modules/@electric-sql/pglite /out/node_modules/@electric-sql/ \
  && cp -r package.json bin dist /out/

FROM denoland/deno:alpine-2.9.6 AS deno
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=build /out /app
COPY LICENSE deno.json /app/
WORKDIR /app
RUN ln -s /app/bin/container.sh /usr/local/bin/threeqpr \
  && mkdir /data \
  && chown 1000:1000 /data
ENV DATA_DIR=/data
USER 1000:1000
EXPOSE 3000 3001
# Not /readyz: an orchestrator would restart a receiver that accepts deliveries when a read model is not ready.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD wget -q -O /dev/null "http://127.0.0.1:${ADMIN_PORT:-3001}/livez"
ENTRYPOINT ["threeqpr"]
CMD ["serve"]

FROM node:24.21.0-alpine AS node
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=build /out /app
COPY LICENSE /app/
WORKDIR /app
RUN ln -s /app/bin/container.sh /usr/local/bin/threeqpr \
  && mkdir /data \
  && chown 1000:1000 /data
# The cache of compiled code would be lost with the container.
ENV NODE_ENV=production NODE_DISABLE_COMPILE_CACHE=1 DATA_DIR=/data
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD wget -q -O /dev/null "http://127.0.0.1:${ADMIN_PORT:-3001}/livez"
ENTRYPOINT ["threeqpr"]
CMD ["serve"]
