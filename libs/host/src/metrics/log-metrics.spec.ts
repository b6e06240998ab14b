import { commandEnds } from '#event-log';
import { LogMetrics } from './log-metrics.js';
import { EnforcementMetrics } from './enforcement-metrics.js';
import { Metrics } from './metrics.js';

describe('the metrics of the log', () => {
  const read = async (metrics: Metrics, name: string): Promise<string[]> =>
    (await metrics.registry.getSingleMetricAsString(name)).split('\n').filter((line) => line.startsWith(name));

  it('given commands that ended, then they are counted and timed by context and outcome', async () => {
    const metrics = new Metrics();
    const meter = new LogMetrics(metrics);
    meter.commandEnded('registration', 'succeeded', 0.004);
    meter.commandEnded('registration', 'succeeded', 0.3);
    meter.commandEnded('approval', 'pending', 5);
    const lines = await read(metrics, 'gatehouse_command_duration_seconds');
    expect(lines).toContain('gatehouse_command_duration_seconds_count{context="registration",outcome="succeeded"} 2');
    expect(lines).toContain(
      'gatehouse_command_duration_seconds_bucket{le="0.005",context="registration",outcome="succeeded"} 1',
    );
    expect(lines).toContain('gatehouse_command_duration_seconds_count{context="approval",outcome="pending"} 1');
  });

  it('given a context whose commands may be sent, then each end of them is counted from nought, and goes on where it was', async () => {
    const metrics = new Metrics();
    const meter = new LogMetrics(metrics);
    meter.sends('registration');
    meter.commandEnded('registration', 'failed', 0.004);
    meter.sends('registration');
    const counts = (await read(metrics, 'gatehouse_command_duration_seconds')).filter((line) =>
      line.includes('_count{'),
    );
    expect(counts).toEqual(
      commandEnds.map(
        (outcome) =>
          `gatehouse_command_duration_seconds_count{context="registration",outcome="${outcome}"} ${outcome === 'failed' ? 1 : 0}`,
      ),
    );
  });

  it('given nothing that was recorded, then what was acknowledged and what was not is nought', async () => {
    const metrics = new Metrics();
    new LogMetrics(metrics);
    const lines = await read(metrics, 'gatehouse_activity_acknowledgement_seconds');
    expect(lines).toContain('gatehouse_activity_acknowledgement_seconds_count{acknowledged="true"} 0');
    expect(lines).toContain('gatehouse_activity_acknowledgement_seconds_count{acknowledged="false"} 0');
  });

  it('given receipts that may be given, then those that are complete and others are counted from nought', async () => {
    const metrics = new Metrics();
    const meter = new EnforcementMetrics(metrics);
    meter.givesReceipts('registration');
    meter.receiptGiven('registration', false, 10);
    meter.givesReceipts('registration');
    const counts = (await read(metrics, 'gatehouse_revocation_propagation_seconds')).filter((line) =>
      line.includes('_count{'),
    );
    expect(counts).toEqual([
      'gatehouse_revocation_propagation_seconds_count{context="registration",complete="true"} 0',
      'gatehouse_revocation_propagation_seconds_count{context="registration",complete="false"} 1',
    ]);
  });

  it('given audit records, then what was acknowledged and what was given up are told apart', async () => {
    const metrics = new Metrics();
    const meter = new LogMetrics(metrics);
    meter.activityEnded(true, 0.01);
    meter.activityEnded(false, 4);
    const lines = await read(metrics, 'gatehouse_activity_acknowledgement_seconds');
    expect(lines).toContain('gatehouse_activity_acknowledgement_seconds_count{acknowledged="true"} 1');
    expect(lines).toContain('gatehouse_activity_acknowledgement_seconds_count{acknowledged="false"} 1');
  });

  it('given records that nobody of ours has written, then they are counted by kind, from nought', async () => {
    const metrics = new Metrics();
    new LogMetrics(metrics).unauthentic('command-refused');
    expect(await read(metrics, 'gatehouse_unauthentic_records_total')).toEqual([
      'gatehouse_unauthentic_records_total{record="command-refused"} 1',
      'gatehouse_unauthentic_records_total{record="report-refused"} 0',
      'gatehouse_unauthentic_records_total{record="foreign-records"} 0',
    ]);
  });

  it('given consumers, then their lag is asked when somebody reads, until they follow no more', async () => {
    const metrics = new Metrics();
    const meter = new LogMetrics(metrics);
    let seconds = 1;
    const end = meter.follows('registration-applications', () => ({ records: 7, seconds }));
    meter.follows('audit-records', () => ({ records: 0, seconds: 0 }));
    seconds = 2;
    expect(await read(metrics, 'gatehouse_consumer_lag_seconds')).toEqual([
      'gatehouse_consumer_lag_seconds{consumer="registration-applications"} 2',
      'gatehouse_consumer_lag_seconds{consumer="audit-records"} 0',
    ]);
    end();
    expect(await read(metrics, 'gatehouse_consumer_lag_records')).toEqual([
      'gatehouse_consumer_lag_records{consumer="audit-records"} 0',
    ]);
  });

  it('given an enforcement point, then its lease is held or not, and has an age only while it is', async () => {
    const metrics = new Metrics();
    const meter = new EnforcementMetrics(metrics);
    let age: number | undefined = 1.5;
    meter.leaseOf('gateway', () => age);
    expect(await read(metrics, 'gatehouse_enforcement_lease_age_seconds')).toEqual([
      'gatehouse_enforcement_lease_age_seconds{kind="gateway"} 1.5',
    ]);
    age = undefined;
    expect(await read(metrics, 'gatehouse_enforcement_lease_held')).toEqual([
      'gatehouse_enforcement_lease_held{kind="gateway"} 0',
    ]);
    expect(await read(metrics, 'gatehouse_enforcement_lease_age_seconds')).toEqual([]);
  });
});
