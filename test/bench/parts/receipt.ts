import { FhirCall } from '../../fleet/fhir-call.js';
import { Fleet, type FleetApplication } from '../../fleet/fleet.js';
import { paths } from '../../fleet/slow-upstream.js';
import { type BenchPart, spread } from '../bench.js';
import { processorMs } from '../machine.js';

const GATEWAYS = 3;
const RUNS = 3;
const REVOCATIONS = 200;
const WARM_UP = 50;
const CALLS_PER_SECOND = 200;
/** Between two calls of the load, in milliseconds. */
const PACE_MS = 1_000 / CALLS_PER_SECOND;

/** One revocation, in milliseconds: as its caller saw it, and the parts that the clocks in the receipt tell. */
interface Took {
  readonly whole: number;
  /** From the request to the writer's decision. */
  readonly toDecision: number;
  /** From there to the last of the points that has it in force: the transaction, and reading it. */
  readonly toForce: number;
  /** From there to the answer: the report, reading it, and the response. */
  readonly toAnswer: number;
}

export const part: BenchPart = {
  title: 'receipts: a revocation through REST, one after the other, until it is in force at three gateways',
  async run({ brokers, prefix, databaseUrl, print }) {
    const fleet = await Fleet.start(
      { brokers, prefix, databaseUrl },
      { gateways: GATEWAYS, applications: 2 * (WARM_UP + RUNS * REVOCATIONS) + 1 },
    );
    try {
      const [caller, ...applications] = fleet.applications;
      if (!caller) throw new Error('no application');
      await measure(fleet, 'nothing else going on', applications, print);
      const load = new Load(fleet, caller);
      await measure(
        fleet,
        `${CALLS_PER_SECOND} calls/s through the gateways, each on a new connection`,
        applications,
        print,
      );
      print(`the load: ${await load.stop()}`);
    } finally {
      await fleet.stop();
    }
  },
};

async function measure(
  fleet: Fleet,
  what: string,
  applications: FleetApplication[],
  print: (line: string) => void,
): Promise<void> {
  await revoke(fleet, applications.splice(0, WARM_UP));
  const runs: Took[][] = [];
  const pids = [fleet.registration, ...fleet.gateways.map(({ process }) => process)].map(({ pid }) => pid);
  const before = processorMs(pids);
  for (let run = 0; run < RUNS; run++) runs.push(await revoke(fleet, applications.splice(0, REVOCATIONS)));
  const processor = (processorMs(pids) - before) / (RUNS * REVOCATIONS);
  const of = (name: keyof Took, share: number): string => spread(runs.map((run) => quantile(run, name, share)));
  print(`${what}: p50 ${of('whole', 0.5)} ms, p99 ${of('whole', 0.99)} ms`);
  print(
    `  of the median: ${of('toDecision', 0.5)} to the decision, ${of('toForce', 0.5)} until it is in force everywhere, ${of('toAnswer', 0.5)} to the answer`,
  );
  print(
    `  processor time of registration and the gateways: ${processor.toFixed(1)} ms a revocation, the load included`,
  );
}

async function revoke(fleet: Fleet, applications: readonly FleetApplication[]): Promise<Took[]> {
  const took: Took[] = [];
  for (const application of applications) {
    const asked = now();
    let answered = asked;
    const receipt = await fleet.close(application, 'revocation', () => (answered = now()));
    const decided = Date.parse(receipt.decidedAt);
    const inForce = Math.max(...receipt.enforcementPoints.map(({ appliedAt }) => Date.parse(appliedAt)));
    if (receipt.enforcementPoints.length !== GATEWAYS)
      throw new Error(`not in force everywhere: ${JSON.stringify(receipt)}`);
    took.push({
      whole: answered - asked,
      toDecision: decided - asked,
      toForce: inForce - decided,
      toAnswer: answered - inForce,
    });
  }
  return took;
}

/** Calls of one application, to one gateway after the other. */
class Load {
  readonly #calls: FhirCall[] = [];
  readonly #pace: NodeJS.Timeout;
  readonly #from = performance.now();

  constructor(fleet: Fleet, { token }: FleetApplication) {
    this.#pace = setInterval(() => {
      const due = (performance.now() - this.#from) / PACE_MS;
      while (this.#calls.length < due) {
        const { process } = fleet.gateways[this.#calls.length % GATEWAYS] ?? {};
        if (process) this.#calls.push(FhirCall.start(process.port, paths.quick, token));
      }
    }, PACE_MS);
  }

  /** Ends it, and says what it was. */
  async stop(): Promise<string> {
    clearInterval(this.#pace);
    const seconds = (performance.now() - this.#from) / 1_000;
    await Promise.all(this.#calls.map(({ ended }) => ended));
    const answered = this.#calls.filter(({ status }) => status === 200).length;
    return `${(this.#calls.length / seconds).toFixed(0)} calls/s, ${answered} of ${this.#calls.length} answered 200`;
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function quantile(run: readonly Took[], name: keyof Took, share: number): number {
  const sorted = run.map((took) => took[name]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}
