import Chromium, { inflate } from '@sparticuz/chromium';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { waitForLock } from './lock.mjs';

/**
 * A real Chromium, headless: from a package on Linux, so that nothing is installed by hand; elsewhere the Chrome that
 * the machine has.
 *
 * @returns {Promise<import('playwright-core').Browser>}
 * @throws if there is neither
 */
export async function startBrowser() {
  if (process.platform !== 'linux') return chromium.launch({ channel: 'chrome' });
  const executablePath = await unpacked();
  // One process for all pages, the package's default, ends with the first context that is closed.
  const args = Chromium.args.filter((argument) => argument !== '--single-process');
  const env = definedOnly(process.env);
  try {
    return await chromium.launch({ executablePath, args, env });
  } catch {
    // A small machine may lack the few libraries that a browser needs: the package brings them too.
    const libraries = path.join(await inflate(packed('al2023.tar.br')), 'lib');
    const search = [libraries, env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
    return chromium.launch({ executablePath, args, env: { ...env, LD_LIBRARY_PATH: search } });
  }
}

/** The package unpacks to one place for all: two test files at once would start half a browser. */
async function unpacked() {
  const lock = await waitForLock(path.join(os.tmpdir(), 'chromium.lock'));
  try {
    return await Chromium.executablePath();
  } finally {
    lock.release();
  }
}

/** @param {string} file of what the package brings */
function packed(file) {
  return path.join(path.dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..', 'bin', file);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>}
 */
function definedOnly(env) {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
