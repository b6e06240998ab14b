import { type AskedAbout, isResourceType, type ResourceType, type ScopeContext } from '#smart';
import type { RightToSee } from './right-to-see.js';
import { Unanswered } from './unanswered.js';

/** What came of asking somebody in one call. */
export interface AskedTally {
  readonly by: string;
  /** How many resources they let through, and how many they did not. */
  allowed: number;
  denied: number;
  /** How many they did not answer for. */
  unanswered: number;
}

/** Who the user of a call is, told to the FHIR server with each request: a header, at once where it is at hand. */
export interface ToldIdentity {
  readonly header: string;
  value(): string | Promise<string>;
}

/** What others have to say of one call beside its scopes, and what they said. */
export class CallRights implements AskedAbout {
  readonly #tallies = new Map<RightToSee, AskedTally>();

  constructor(
    /** All of them have to let a resource through. */
    readonly asked: readonly RightToSee[],
    readonly identity?: ToldIdentity,
    /** Who says what the user may see, where nobody is asked for each resource. */
    readonly by: readonly string[] = [],
  ) {}

  /** The same for another call, such as an entry of a Bundle. */
  anew(): CallRights {
    return new CallRights(this.asked, this.identity, this.by);
  }

  /** The same for a part of a call that takes long: nothing of what was said before counts. */
  afresh(): CallRights {
    const asked = this.asked.map((it) => it.afresh?.() ?? it);
    return new CallRights(asked, this.identity, this.by);
  }

  /** Counts what came of a part of the call, which is in no record of its own. */
  absorb(part: CallRights): void {
    for (const [at, right] of part.asked.entries()) {
      const [own, told] = [this.asked[at], part.#tallies.get(right)];
      if (!own || !told) continue;
      const tally = this.#tallyOf(own);
      tally.allowed += told.allowed;
      tally.denied += told.denied;
      tally.unanswered += told.unanswered;
    }
  }

  concerns(context: ScopeContext, type: ResourceType): boolean {
    return this.asked.some((it) => it.contexts.has(context) && it.concerns(type));
  }

  /** Whether anybody is asked about resources of a type. */
  concernsType(type: string): boolean {
    return isResourceType(type) && this.asked.some((it) => it.concerns(type));
  }

  /** All who have to say something, as records name them. */
  get names(): readonly string[] {
    return [...this.by, ...this.asked.map(({ by }) => by)];
  }

  /** What came of it so far: of those who were asked. */
  get tallies(): readonly AskedTally[] {
    return [...this.#tallies.values()];
  }

  /** Whether somebody was asked in this call. */
  wasAsked(right: RightToSee): boolean {
    return this.#tallies.has(right);
  }

  /** Counts answers as they come. */
  async counted(right: RightToSee, many: number, answers: Promise<readonly boolean[]>): Promise<readonly boolean[]> {
    const all = await this.answered(right, many, answers);
    const tally = this.#tallyOf(right);
    const allowed = all.filter(Boolean).length;
    tally.allowed += allowed;
    tally.denied += many - allowed;
    return all;
  }

  /** Counts those for which no answer comes; what the others are does not count. */
  async answered(right: RightToSee, many: number, answers: Promise<readonly boolean[]>): Promise<readonly boolean[]> {
    const tally = this.#tallyOf(right);
    try {
      const all = await answers;
      if (all.length !== many) throw new Unanswered(`${right.by} answered for ${all.length} of ${many}`);
      return all;
    } catch (error) {
      tally.unanswered += many;
      throw error;
    }
  }

  #tallyOf(right: RightToSee): AskedTally {
    let tally = this.#tallies.get(right);
    if (!tally) this.#tallies.set(right, (tally = { by: right.by, allowed: 0, denied: 0, unanswered: 0 }));
    return tally;
  }
}
