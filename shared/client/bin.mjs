#!/usr/bin/env node
/** The command `asunder`. */
import { launch } from '../config/launcher.mjs'

await launch({ command: 'asunder', door: 'shared/client/cli' })
