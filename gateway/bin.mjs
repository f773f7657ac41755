#!/usr/bin/env node
/** The command `asunder-gateway`. */
import { launch } from '../shared/config/launcher.mjs'

await launch({ command: 'asunder-gateway', door: 'gateway/main', flags: ['--max-semi-space-size=32'] })
