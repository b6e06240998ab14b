import { setTimeout as delay } from 'node:timers/promises';
import { Person } from '../demo/http.js';
import type { Tokens } from './everybody.js';
import type { FhirServerApart } from './fhir-server-apart.js';
import type { OneRetry } from './one-retry.js';
import { PeopleUse } from './people-use.js';
import { ProgramUse } from './program-use.js';

/** How often each use comes up among 100. An approval is five requests, so that 100 uses are some 108 requests. */
const SHARES = {
  read: 24,
  search: 10,
  write: 4,
  introspect: 20,
  token: 4,
  readApplication: 12,
  change: 6,
  register: 2,
  approve: 2,
  searchAudit: 4,
  listReviews: 4,
  seeAccess: 4,
  listCampaigns: 4,
} as const;
type Use = keyof typeof SHARES;

/** So far ahead of its answers a load gets nothing from sending more. */
const AT_ONCE = 600;

/** Everybody who uses a Gatehouse, at once. */
export class MixedUse {
  readonly #asked = new Set<Promise<void>>();
  #turn = 0;

  private constructor(
    readonly people: PeopleUse,
    readonly programs: readonly ProgramUse[],
    readonly operator: Person,
  ) {}

  /** Lets so many programs in. */
  static async open(
    url: string,
    caller: OneRetry,
    { tokens, fhir, programs }: { readonly tokens: Tokens; readonly fhir: FhirServerApart; readonly programs: number },
  ): Promise<MixedUse> {
    const people = {
      developer: Person.withToken(url, 'the developer', tokens.developer),
      reviewer: Person.withToken(url, 'the reviewer', tokens.reviewer),
    };
    const pointToken = tokens['enforcement-point'];
    const letIn = Array.from({ length: programs }, (_, number) =>
      ProgramUse.letIn(url, caller, people, { fhir, pointToken, number }),
    );
    const operator = Person.withToken(url, 'the operator', tokens.operator);
    return new MixedUse(await PeopleUse.of(url, caller, tokens), await Promise.all(letIn), operator);
  }

  /** Begins `perSecond` uses a second, whatever becomes of those before, until `until` resolves; waits for all of them. */
  async run(perSecond: number, until: Promise<void>): Promise<void> {
    const over = { yet: false };
    void until.then(() => (over.yet = true));
    const begun = performance.now();
    for (let count = 0; !over.yet;) {
      const due = ((performance.now() - begun) * perSecond) / 1_000;
      for (; count < due && this.#asked.size < AT_ONCE; count++) this.#keep(this.#next());
      await delay(5); // the beat of the load, not a wait for something
    }
    await Promise.all(this.#asked);
  }

  #keep(use: Promise<void>): void {
    this.#asked.add(use);
    void use.finally(() => this.#asked.delete(use));
  }

  async #next(): Promise<void> {
    const turn = this.#turn++;
    // Another one's turn each time round: each asks for tokens now and then, before those that it has end.
    const round = Math.floor(turn / ORDER.length);
    const program = this.programs[(turn + round) % this.programs.length];
    if (program === undefined) throw new Error('nobody was let in');
    const uses: Record<Use, () => Promise<unknown>> = {
      read: () => program.read(),
      search: () => program.search(),
      write: () => program.write(),
      introspect: () => program.introspect(),
      token: () => program.askForToken(),
      readApplication: () => this.people.read(),
      change: () => this.people.change(),
      register: () => this.people.register(),
      approve: () => this.people.approveAnother(),
      searchAudit: () => this.people.searchAudit(program.applicationId, program.lastCall),
      listReviews: () => this.people.listReviews(),
      seeAccess: () => this.people.seeAccess(program.applicationId),
      listCampaigns: () => this.people.listCampaigns(),
    };
    await uses[ORDER[turn % ORDER.length] ?? 'read']();
  }
}

/** All uses by their shares, each spread over the whole, so that no kind comes in a burst. */
const ORDER: readonly Use[] = (Object.entries(SHARES) as [Use, number][])
  .flatMap(([use, share]) => Array.from({ length: share }, (_, index) => ({ use, at: (index + 0.5) / share })))
  .sort((a, b) => a.at - b.at)
  .map(({ use }) => use);
