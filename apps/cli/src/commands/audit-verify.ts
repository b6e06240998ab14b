import { type Command, InvalidArgumentError } from 'commander';
import { progressBar, ProgressLine } from '../output/progress-bar.js';
import { type Column, table } from '../output/table.js';
import { apiOf, collect, optionsOf } from './context.js';

interface VerifyOptions {
  readonly record?: readonly string[];
  readonly sample: number;
  readonly key?: string;
  readonly kept?: string;
}

const FINDING: readonly Column[] = [
  ['WHAT', 'kind'],
  ['TOPIC', 'topic'],
  ['PARTITION', 'partition'],
  ['RECORD', 'recordId'],
  ['DOES NOT HOLD', 'detail'],
];

/** `gatehouse audit verify`: what the log says is what was signed, and search shows what the log says. */
export function addVerify(audit: Command): void {
  audit
    .command('verify')
    .description('hold the log and search against signed checkpoints; exit code 1 when something does not hold')
    .option('--record <id>', 'look at this record; may be repeated', collect)
    .option('--sample <number>', 'how many records of each partition to look at, at random', wholeNumber, 20)
    .option('--key <key>', 'the public key of the log, known from elsewhere; else the one seen first')
    .option('--kept <file>', 'where checkpoints are kept from one time to the next')
    .action(async (_: object, command: Command) => {
      const options = optionsOf<VerifyOptions>(command);
      // What it needs reads every contract: other commands start without it.
      const [{ verifyAudit }, { Evidence }, { defaultKeptFile, readKept, writeKept }] = await Promise.all([
        import('../verify/verify-audit.js'),
        import('../verify/evidence.js'),
        import('../verify/kept-checkpoints.js'),
      ]);
      const file = options.kept ?? defaultKeptFile(options.url);
      const line = new ProgressLine(process.stderr);
      const { keep, ...result } = await verifyAudit({
        evidence: new Evidence(apiOf(command)),
        kept: await readKept(file),
        publicKey: options.key,
        recordIds: options.record ?? [],
        sample: options.sample,
        onProgress: (done, of) => line.show(progressBar(done / of, `${done} of ${of} partitions`)),
      });
      line.end();
      await writeKept(file, keep);
      if (result.findings.length > 0) process.exitCode = 1;
      const seen = result.partitions.filter(({ size }) => size > 0);
      if (options.json === true) {
        console.log(JSON.stringify({ verified: result.findings.length === 0, kept: file, ...result }, undefined, 2));
        return;
      }
      console.log(
        table(
          [
            ['TOPIC', 'topic'],
            ['PARTITION', 'partition'],
            ['RECORDS', 'size'],
            ['CHECKPOINTS', 'checkpoints'],
            ['LOOKED AT', 'records'],
          ],
          seen,
        ),
      );
      if (result.findings.length > 0) console.log(`\n${table(FINDING, result.findings)}`);
      console.log(
        result.findings.length === 0
          ? `All of it holds. Kept for the next time: ${file}`
          : `${result.findings.length} of it does not hold.`,
      );
    });
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on');
  return Number(text);
}
