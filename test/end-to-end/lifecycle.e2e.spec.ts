import { instruments, scrape } from './metrics-told.js';
import { startOneProcess } from './one-process.js';
import { launchesSmartApplications } from './smart-launches.js';
import { walksThroughTheLifecycle } from './walk-through.js';

describe('the whole lifecycle of one application, on the one process', () => {
  const running = walksThroughTheLifecycle(startOneProcess);

  describe('fhirclient, the library that SMART applications are written with, in Chromium', () =>
    launchesSmartApplications(running));

  it('is told in /metrics: commands, audit records, leases, receipts, and who is how far', async () => {
    const { samples } = await scrape(running().url);
    const told = (sample: string): number => samples.get(sample) ?? 0;
    for (const context of ['registration', 'approval', 'review'])
      expect(
        told(`gatehouse_command_duration_seconds_count{context="${context}",outcome="succeeded"}`),
      ).toBeGreaterThan(0);
    expect(told('gatehouse_activity_acknowledgement_seconds_count{acknowledged="true"}')).toBeGreaterThan(0);
    expect(
      told('gatehouse_revocation_propagation_seconds_count{context="registration",complete="true"}'),
    ).toBeGreaterThan(0);
    for (const kind of ['gateway', 'token']) {
      expect(told(`gatehouse_enforcement_lease_held{kind="${kind}"}`)).toBe(1);
      expect(samples.has(`gatehouse_enforcement_lease_age_seconds{kind="${kind}"}`)).toBe(true);
    }
    for (const consumer of ['registration-applications', 'registration-writer', 'audit-records', 'gateway-enforcement'])
      expect(samples.has(`gatehouse_consumer_lag_seconds{consumer="${consumer}"}`)).toBe(true);
    expect(told('gatehouse_health_check_up{check="database"}')).toBe(1);
  });

  it('has every metric that the reference, the rules and the dashboard name, and no other of its own', async () => {
    const { names } = await scrape(running().url);
    const { reference, shown, used, alerts, links, sections, tried } = await instruments();
    expect([...names].filter((name) => name.startsWith('gatehouse_')).sort()).toEqual(reference.toSorted());
    expect(used.filter((name) => !names.has(name))).toEqual([]);
    expect(reference.filter((name) => !shown.includes(name))).toEqual([]);
    expect(sections).toEqual(expect.arrayContaining(alerts));
    expect(links).toEqual(alerts.map((alert) => `docs/runbooks/alerts.md#${alert.toLowerCase()}`));
    expect(tried.toSorted()).toEqual(alerts.toSorted());
  });
});
