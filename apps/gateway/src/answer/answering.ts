import {
  type FhirInteraction,
  type FhirResource,
  isReached,
  isResource,
  type LocalReference,
  judge,
  linksOf,
  membershipOf,
  type ResourceType,
  type ScopeContext,
  type ScopeInteraction,
  type Sight,
  upstreamTarget,
  type UpstreamTarget,
} from '#smart';
import type { CallRights } from '../ask-rights/call-rights.js';
import { Asking } from '../ask-rights/asking.js';
import type { LargeAnswer, UpstreamAnswer } from '../ask-upstream/upstream-answer.js';
import { isTooLarge, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { LargeBody } from '../pass-large-body/large-body.js';
import { Unanswered } from '../ask-rights/unanswered.js';
import { tooCostly } from './not-answered.js';
import { findShown, type ShownBinary } from './shown-binaries.js';
import { seesAllOf } from './sees-all-of.js';

/** The answer to a call, checked: nothing in it may not be seen. URLs in it are still the FHIR server's. */
export interface CheckedAnswer {
  readonly resource: FhirResource;
  /** The resource as the FHIR server wrote it, where nothing of it had to be judged. */
  readonly text?: string;
  /** Whose data it tells of: the resources that it shows in part, or counts, whole. Absent where it shows all of them. */
  readonly about?: readonly FhirResource[];
  /** It counts more than `about` holds. */
  readonly isAboutOthers?: true;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Of one that is too large to be held, what passes by; `resource` is its beginning then. */
  readonly large?: { readonly body: LargeBody } & Pick<LargeAnswer, 'rest' | 'bounds'>;
}

/** How many requests to the FHIR server one call may become. */
const ASKED_AT_MOST = 60;

/** What a call is answered with: the FHIR server, and what the token may see of it. */
export class Answering {
  readonly #seen = new Map<string, Promise<boolean>>();
  /** The documents of Binaries that were looked for, by the ids of those. */
  readonly #shown = new Map<string, Promise<ShownBinary>>();
  /** What was read to judge others by: what those belong to. */
  readonly #belongedTo = new Map<string, FhirResource>();
  /** Of what was judged by what it belongs to: what that is. */
  readonly #links = new WeakMap<FhirResource, readonly LocalReference[]>();
  /** What others say of what scopes reach; absent where nobody is asked. */
  readonly #asking: Asking | undefined;
  #asked = 0;

  constructor(
    readonly sight: Sight,
    /** Base URL of the FHIR server, without a slash at its end. */
    readonly upstream: string,
    /** Asks the FHIR server; refuses when the call may no longer go on. */
    private readonly send: (target: UpstreamTarget) => Promise<UpstreamAnswer>,
    /** What others have to say of the call. */
    readonly rights?: CallRights,
    /** As `send`, for what may be too large to be held; absent where all is needed whole. */
    private readonly sendLarge?: (
      target: UpstreamTarget,
      mayPass: (head: Buffer) => boolean,
    ) => Promise<UpstreamAnswer | LargeAnswer>,
  ) {
    this.#asking = rights && rights.asked.length > 0 ? new Asking(rights, sight) : undefined;
  }

  /** @throws NotAnswered when the call has become too many requests */
  async ask(target: UpstreamTarget): Promise<UpstreamAnswer> {
    if (++this.#asked > ASKED_AT_MOST) throw tooCostly();
    return await this.send(target);
  }

  /** As `ask`, for a resource whose rest may pass by where its beginning says all that it is judged by. */
  async read(target: UpstreamTarget, mayPass: (head: Buffer) => boolean): Promise<UpstreamAnswer | LargeAnswer> {
    if (!this.sendLarge) return await this.ask(target);
    if (++this.#asked > ASKED_AT_MOST) throw tooCostly();
    return await this.sendLarge(target, mayPass);
  }

  /**
   * Whether a resource is seen, with what it belongs to, if that decides.
   *
   * @throws Unanswered
   */
  async sees(resource: FhirResource, interaction: ScopeInteraction): Promise<boolean> {
    const verdict = judge(resource, interaction, this.sight);
    if (verdict.kind === 'hidden' || verdict.kind === 'if-shown') return false;
    if (verdict.kind === 'if-seen') {
      for (const link of verdict.links) if (!(await this.seesElsewhere(link))) return false;
      const belongings = verdict.links.map(({ type, id }) => this.#belongedTo.get(`${type}/${id}`));
      if (!(await this.#areReached(belongings, verdict.contexts))) return false;
      this.#links.set(resource, verdict.links);
    }
    if (resource.resourceType === 'Binary' && this.sight.reaches.withheld && (await this.shown(resource)).withheld)
      return false;
    return await this.#lets(resource, interaction);
  }

  /**
   * As `sees`, of what is read by its id: a Binary that does not say what it belongs to is seen by a document that shows it, too.
   * Of many at once such documents are not looked for: each would cost a search.
   *
   * @throws Unanswered
   */
  async seesRead(resource: FhirResource): Promise<boolean> {
    if (judge(resource, 'r', this.sight).kind !== 'if-shown') return await this.sees(resource, 'r');
    if (!(await this.isShown(resource))) return false;
    this.#asking?.noteShown(resource);
    return await this.#lets(resource, 'r');
  }

  /** Whether a document that is seen shows a Binary, and none that is withheld does. */
  async isShown(resource: FhirResource): Promise<boolean> {
    const { by, withheld } = await this.shown(resource);
    return by !== undefined && !withheld;
  }

  /** The documents of a Binary, looked for once. */
  async shown(resource: FhirResource): Promise<ShownBinary> {
    const { id } = resource;
    if (typeof id !== 'string') return { by: undefined, withheld: true, documents: [] };
    let known = this.#shown.get(id);
    if (!known) {
      const verdict = judge(resource, 'r', this.sight);
      const contexts: ReadonlySet<ScopeContext> = verdict.kind === 'if-shown' ? verdict.contexts : new Set();
      const shows = async (it: FhirResource) => (await this.sees(it, 'r')) && (await this.#areReached([it], contexts));
      this.#shown.set(id, (known = findShown(id, this, shows)));
    }
    return await known;
  }

  /** Whether there is a context in which all of these are reached, whose scopes give nothing with the help of others. */
  async #areReached(
    resources: readonly (FhirResource | undefined)[],
    contexts: ReadonlySet<ScopeContext>,
  ): Promise<boolean> {
    for (const context of contexts) {
      let areAll = true;
      for (const each of resources) areAll &&= each !== undefined && (await this.#isReached(each, context));
      if (areAll) return true;
    }
    return false;
  }

  async #isReached(resource: FhirResource, context: ScopeContext): Promise<boolean> {
    if (!isReached(resource, context, this.sight)) return false;
    return this.#asking === undefined || (await this.#asking.letsIn(context, resource));
  }

  /** The document by which a Binary was seen. */
  async shownBy(resource: FhirResource): Promise<FhirResource | undefined> {
    return judge(resource, 'r', this.sight).kind === 'if-shown' ? (await this.shown(resource)).by : undefined;
  }

  /** Whether nothing of a type is hidden, whatever there is: then it may be said what is not there. */
  reachesAllOf(type: ResourceType, interaction: ScopeInteraction): boolean {
    // A server that keeps users apart itself hides what nobody here knows of.
    return this.rights?.identity === undefined && seesAllOf(type, this.sight, interaction);
  }

  /** Looks at many resources together, before `sees` asks for each: whoever has to be asked is asked once for all. */
  async foresee(resources: readonly FhirResource[], interaction: ScopeInteraction): Promise<void> {
    await this.#asking?.foresee(resources, interaction);
  }

  /** Why a resource is not seen, for the auditor. */
  whyHidden(resource: FhirResource): string {
    const by = this.#asking?.deniedBy(resource);
    return by === undefined ? 'the resource is not in sight' : `not let through by ${by}`;
  }

  /**
   * Answers a call, once all who may have to be asked about it have shown that they answer: else whether they were asked
   * would tell whether there is something.
   *
   * @throws Unanswered, and what `answer` throws
   */
  async underRights<T>(interaction: FhirInteraction, answer: () => Promise<T>): Promise<T> {
    const asking = this.#asking;
    if (!asking) return await answer();
    const [given] = await Promise.allSettled([answer()]);
    if (given.status === 'rejected' && given.reason instanceof Unanswered) throw given.reason;
    await asking.mustAnswer(interaction);
    if (given.status === 'rejected') throw given.reason;
    return given.value;
  }

  /** What a resource that is seen belongs to, as far as that was read to judge it: who it is about may stand there alone. */
  judgedBy(resource: FhirResource): readonly FhirResource[] {
    return (this.#links.get(resource) ?? []).flatMap(({ type, id }) => this.#belongedTo.get(`${type}/${id}`) ?? []);
  }

  /**
   * What a Provenance or a Binary belongs to, seen or not: the record of it names whom that is about. It is read where it was not
   * read to judge it. Undefined where not all of it can be had.
   *
   * @throws NotAnswered, UpstreamFailed, NoLongerAllowed
   */
  async belongingsOf(resource: FhirResource): Promise<readonly FhirResource[] | undefined> {
    if (resource.resourceType === 'Binary' && resource['securityContext'] === undefined) {
      const { by, documents } = await this.shown(resource);
      return by ? [by] : documents.length > 0 ? documents : undefined;
    }
    const links = linksOf(resource, this.sight.bases);
    if (!links) return undefined;
    const all: FhirResource[] = [];
    for (const { type, id } of links) {
      const known = this.#belongedTo.get(`${type}/${id}`) ?? (await this.readOrNothing(type, id));
      if (!known) return undefined;
      this.#belongedTo.set(`${type}/${id}`, known);
      all.push(known);
    }
    return all;
  }

  /** Notes what was judged already, so that it is not asked for again. */
  saw(resource: FhirResource): void {
    const { resourceType, id } = resource;
    if (typeof id !== 'string') return;
    this.#seen.set(`${resourceType}/${id}`, Promise.resolve(true));
    this.#belongedTo.set(`${resourceType}/${id}`, resource);
  }

  /** Whether a resource that something belongs to is seen. What belongs to something again is not followed. */
  seesElsewhere({ type, id }: LocalReference): Promise<boolean> {
    const key = `${type}/${id}`;
    let known = this.#seen.get(key);
    if (!known) this.#seen.set(key, (known = this.#readAndJudge(type, id)));
    return known;
  }

  async #readAndJudge(type: LocalReference['type'], id: string): Promise<boolean> {
    const resource = await this.readOrNothing(type, id);
    if (!resource) return false;
    this.#belongedTo.set(`${type}/${id}`, resource);
    for (const letter of ['r', 's'] as const)
      if (judge(resource, letter, this.sight).kind === 'seen' && (await this.#lets(resource, letter))) return true;
    return false;
  }

  async #lets(resource: FhirResource, letter: ScopeInteraction): Promise<boolean> {
    return this.#asking === undefined || (await this.#asking.lets(resource, letter));
  }

  /**
   * What is asked to judge a Provenance or a Binary, for one that is not there: that a second request fails must not tell that the
   * first one found something.
   *
   * @throws UpstreamFailed, NotAnswered, NoLongerAllowed
   */
  async askAsIfThere(type: ResourceType, id: string): Promise<void> {
    const nothing: FhirResource = { resourceType: type, id };
    const { kind } = judge(nothing, 'r', this.sight);
    if (type === 'Binary' && (kind === 'if-shown' || this.sight.reaches.withheld)) await this.shown(nothing);
    else if (membershipOf(type).kind === 'linked' && kind !== 'seen') await this.readOrNothing(type, id);
  }

  /**
   * The current version of a resource, unjudged; undefined when there is none. One that is too large to be looked at is there for nobody
   * from whom something of its type is hidden: else that would tell of it.
   */
  async readOrNothing(type: LocalReference['type'], id: string): Promise<FhirResource | undefined> {
    const target = upstreamTarget({ kind: 'read', type, id, params: [] });
    if (!target) return undefined;
    try {
      const { resource } = await this.ask(target);
      return isResource(resource) && resource.resourceType === type && resource['id'] === id ? resource : undefined;
    } catch (error) {
      if (error instanceof UpstreamFailed && error.answer.status === 404) return undefined;
      if (isTooLarge(error) && !seesAllOf(type, this.sight)) return undefined;
      throw error;
    }
  }
}
