import { ClientApplication } from './client-application.js';
import { Person } from './http.js';

/** Who takes part in the walk, and what is known of the application so far. */
export interface Walk {
  readonly say: (line: string) => void;
  readonly developer: Person;
  readonly reviewer: Person;
  readonly operator: Person;
  readonly auditor: Person;
  /** The program whose life it is: a backend service with a key of its own. */
  readonly program: ClientApplication;
  applicationId: string;
  clientId: string;
  /** Where its submission stands in the log. */
  submitted: string;
  /** The access token that it holds. */
  token: string;
}

/** One stage in the life of an application: what happens, and that it is as it must be. */
export interface Stage {
  readonly title: string;
  /** @throws NotAsItMustBe at the first thing that is not as it must be */
  run(walk: Walk): Promise<void>;
}

/** Signs everybody in at a Gatehouse that runs in development. */
export async function beginWalk(url: string, say: (line: string) => void): Promise<Walk> {
  const [developer, reviewer, operator, auditor, program] = await Promise.all([
    Person.signedIn(url, 'dev@example.org'),
    Person.signedIn(url, 'reviewer@example.org'),
    Person.signedIn(url, 'operator@example.org'),
    Person.signedIn(url, 'auditor@example.org'),
    ClientApplication.withNewKey(url),
  ]);
  return {
    say,
    developer,
    reviewer,
    operator,
    auditor,
    program,
    applicationId: '',
    clientId: '',
    submitted: '',
    token: '',
  };
}
