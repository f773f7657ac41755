#!/usr/bin/env node
/** The command `asunder-relay`. */
import { launch } from '../shared/config/launcher.mjs'

await launch({ command: 'asunder-relay', door: 'relay/main', flags: ['--max-semi-space-size=32'] })
