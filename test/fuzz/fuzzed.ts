import { Validator } from '@seriousme/openapi-schema-validator';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startOneProcess } from '../end-to-end/one-process.js';
import type { Running } from '../end-to-end/running.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { Campaign } from './campaign.js';
import { foreignFaults } from './foreign-routes.js';
import { logFaults } from './log-faults.js';

/**
 * Tests, inside a `describe`: the one process under `runs` requests to every route, made from `seed`. `FUZZ_SEED` and
 * `FUZZ_RUNS` name others.
 */
export function survivesBadInput(usual: { readonly seed: number; readonly runs: number }): void {
  const seed = Number(process.env['FUZZ_SEED'] ?? usual.seed);
  const count = Number(process.env['FUZZ_RUNS'] ?? usual.runs);
  let own: Isolation;
  let data: string;
  let gatehouse: Running;
  let campaign: Campaign;

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-fuzz-'));
    own = await isolate();
    gatehouse = await startOneProcess({ ...own, dataDir: data });
    campaign = await Campaign.begin(gatehouse.url);
  }, 180_000);
  afterAll(async () => {
    const codes = await gatehouse.stop();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
    const complaints = gatehouse.complaints();
    expect({ codes, complaints }).toEqual({ codes: codes.map(() => 0), complaints: [] });
  }, 60_000);

  it('is described by a document that OpenAPI 3.1 allows', async () => {
    const document = (await (await fetch(`${gatehouse.url}/docs/openapi.json`)).json()) as Record<string, unknown>;
    expect(await new Validator().validate(document)).toEqual({ valid: true });
  });

  it('answers every request to every route as the document says', async () => {
    const found = await campaign.fuzz(seed, count);
    if (found.length > 0) throw new Error(`answered otherwise:\n${found.join('\n\n')}`);
    expect(campaign.told.length).toBeGreaterThan(count * 10);
  }, 600_000);

  it('fails at none of the routes that other specifications describe, and speaks their errors', async () => {
    const found = await foreignFaults(campaign, seed, count);
    if (found.length > 0) throw new Error(`answered otherwise:\n${found.join('\n\n')}`);
  }, 600_000);

  it('has nothing half-done: what was accepted stands in the log once, what was refused wrote nothing', async () => {
    const { faults, accepted } = await logFaults(own.brokers, own.prefix, campaign.told);
    expect(faults).toEqual([]);
    expect(accepted).toBeGreaterThan(5);
    expect((await fetch(`${gatehouse.url}/health/ready`)).status).toBe(200);
  }, 120_000);
}
