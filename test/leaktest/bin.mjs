#!/usr/bin/env node
/** The command `asunder-leaktest`. */
import { launch } from '../../shared/config/launcher.mjs'

await launch({ command: 'asunder-leaktest', door: 'test/leaktest/main' })
