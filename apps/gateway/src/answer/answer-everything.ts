import { type FhirResource, isResource, standingTo, writeParameters } from '#smart';
import type { InstanceOperation, PagePlace } from '../page-links/page-links.js';
import type { Answering, CheckedAnswer } from './answering.js';
import { notThere } from './not-answered.js';
import { collectMatches } from './collect-matches.js';
import type { Entry } from './read-page.js';
import { keyOf } from './included.js';
import type { BundleLinks } from './paging.js';

/** How many resources a page has at most, and how many the FHIR server is asked for at a time: it may answer with everybody's. */
const PAGE = 500;
/** About the shape of the answer, or checked here. */
const ours: ReadonlySet<string> = new Set(['_format', '_count']);

/**
 * Answers `Patient/[id]/$everything` (R4, Patient) with what of that patient's record the token may see, judged entry by
 * entry: servers exist that answer with everybody's. Who does not see the patient is told that there is none.
 */
export async function answerEverything(
  interaction: InstanceOperation,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
): Promise<CheckedAnswer> {
  const { type, id, params } = interaction;
  const patient = await at.readOrNothing(type, id);
  if (!patient || !(await at.sees(patient, 'r'))) throw notThere('the patient is not in sight');
  const valueOf = (name: string) => params.find((it) => it.name === name)?.value;
  const size = Math.min(Number(valueOf('_count') ?? PAGE), PAGE);
  const types = valueOf('_type')?.split(',');
  const query = writeParameters([
    ...params.filter(({ name }) => !ours.has(name)),
    { name: '_count', value: String(PAGE) },
  ]);
  const record = new PatientRecord(id, at);
  const page = await collectMatches(
    {
      from: from ?? { phase: 0, skip: 0 },
      count: size,
      phases: [{ method: 'GET', target: `/${type}/${id}/$everything?${query}` }],
      letter: 's',
      whole: false,
      match: async ({ resource }: Entry) => {
        if (!isResource(resource) || types?.includes(resource.resourceType) === false) return undefined;
        return (await record.holds(resource)) && (await at.sees(resource, 's')) && record.isNew(resource)
          ? resource
          : undefined;
      },
    },
    at,
  );
  const total = page.next || from ? undefined : page.matches.length;
  const next = page.next ? [links.next(interaction, page.next)] : [];
  const entry = page.matches.map((resource) => ({
    fullUrl: `${at.upstream}/${keyOf(resource)}`,
    resource,
    search: { mode: 'match' },
  }));
  return {
    resource: {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(total === undefined ? {} : { total }),
      link: [links.self(interaction), ...next],
      ...(entry.length === 0 ? {} : { entry }),
    },
    // That the patient is there is told by an empty answer, too.
    about: [patient, ...page.matches, ...page.matches.flatMap((it) => at.judgedBy(it))],
  };
}

/** What stands in one patient's record. */
export class PatientRecord {
  readonly #known = new Map<string, Promise<boolean>>();
  readonly #given = new Set<string>();

  constructor(
    private readonly patient: string,
    private readonly at: Answering,
  ) {}

  async holds(resource: FhirResource): Promise<boolean> {
    const standing = standingTo(this.patient, resource, this.at.sight.bases);
    if (standing.kind !== 'if-theirs') return standing.kind !== 'foreign';
    for (const { type, id } of standing.links) {
      const key = `${type}/${id}`;
      let known = this.#known.get(key);
      if (!known) this.#known.set(key, (known = this.#isTheirs(await this.at.readOrNothing(type, id))));
      if (!(await known)) return false;
    }
    return true;
  }

  /** Servers exist that give a resource twice. */
  isNew(resource: FhirResource): boolean {
    const key = keyOf(resource);
    return !this.#given.has(key) && this.#given.add(key).has(key);
  }

  /** What belongs to something again is not followed. */
  async #isTheirs(resource: FhirResource | undefined): Promise<boolean> {
    return resource !== undefined && standingTo(this.patient, resource, this.at.sight.bases).kind === 'theirs';
  }
}
