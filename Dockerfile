# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
COPY tools/runtime tools/runtime
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY tools/assemble.sh tools/
COPY src src
COPY views views
RUN tools/assemble.sh /app

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# Owned by root: the process can change nothing but its data.
COPY --from=build /app ./
RUN mkdir data && chown node:node data && ln -s /app/dist/cli/main.js /usr/local/bin/duepassi
USER node
VOLUME /app/data
# In a container the port is reached from outside of it.
ENV DUEPASSI_LISTEN__HOST=0.0.0.0
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "dist/cli/main.js", "health"]
CMD ["node", "dist/main.js"]
