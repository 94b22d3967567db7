# syntax=docker/dockerfile:1
#
#   docker build -t threeqpr-events .                 on Node
#   docker build -t threeqpr-events --target deno .   on Deno
#
# The images run the sources, as the repository does. They write to /data only.

FROM nats:2.14.5-alpine AS nats

FROM node:24.21.0-alpine AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM denoland/deno:alpine-2.9.6 AS deno
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=dependencies /app /app
COPY LICENSE deno.json /app/
COPY src /app/src
WORKDIR /app
# Compiled once, here: the file system may be read-only later.
RUN deno cache --quiet src/main.ts src/App.ts src/Database/PgliteWorker.ts \
  && printf '#!/bin/sh\nexec deno run -A --cached-only --quiet /app/src/main.ts "$@"\n' > /usr/local/bin/threeqpr \
  && chmod 755 /usr/local/bin/threeqpr \
  && mkdir /data \
  && chown 1000:1000 /data
ENV DATA_DIR=/data
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD wget -q -O /dev/null "http://127.0.0.1:${ADMIN_PORT:-3001}/readyz"
ENTRYPOINT ["threeqpr"]
CMD ["serve"]

FROM node:24.21.0-alpine AS node
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=dependencies /app /app
COPY LICENSE /app/
COPY bin /app/bin
COPY src /app/src
WORKDIR /app
RUN ln -s /app/bin/threeqpr.js /usr/local/bin/threeqpr \
  && mkdir /data \
  && chown 1000:1000 /data
ENV NODE_ENV=production DATA_DIR=/data
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
  CMD wget -q -O /dev/null "http://127.0.0.1:${ADMIN_PORT:-3001}/readyz"
ENTRYPOINT ["threeqpr"]
CMD ["serve"]
