#!/usr/bin/env node
import { existsSync } from "node:fs"

// The published package has JavaScript in dist; the repository runs its sources, with nothing built.
const source = new URL("../src/main.ts", import.meta.url)
await import(existsSync(source) ? source.href : new URL("../dist/main.js", import.meta.url).href)
