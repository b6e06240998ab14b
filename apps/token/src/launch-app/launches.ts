import { randomBytes } from 'node:crypto';
import { Database } from '#host';
import { Injectable } from '@nestjs/common';
import { launchDigest } from '../ask-authorization/request-rules.js';

/** How long a launch lives, in seconds. */
const life = 300;

/** Something else that is open (SMART App Launch 2.2, 2.0.11); without a role it has that of `launch`. */
export interface ContextEntry {
  /** `ImagingStudy/123`, at the endpoint of the launch. */
  readonly reference?: string;
  readonly canonical?: string;
  readonly identifier?: { readonly system?: string; readonly value: string };
  readonly type?: string;
  readonly role?: string;
}

/** What an EHR has open when it starts an application. */
export interface LaunchContext {
  /** The id of the FHIR endpoint that it is about; absent in what was kept while there was but one. */
  readonly endpoint?: string;
  readonly patient?: string;
  readonly encounter?: string;
  readonly fhirContext?: readonly ContextEntry[];
  readonly intent?: string;
  readonly tenant?: string;
}

/** Whom a launch is for. */
export interface Launch {
  readonly clientId: string;
  /** The user's `sub` at the OpenID provider, or their FHIR resource. */
  readonly user: string;
  readonly context: LaunchContext;
}

/** Launches that EHRs minted: kept as hashes, for one application and one user, spent once. */
@Injectable()
export class Launches {
  constructor(private readonly database: Database) {}

  /** Keeps a new one. Throws `DatabaseUnavailable`. */
  async mint({ clientId, user, context }: Launch): Promise<{ readonly launch: string; readonly expiresAt: string }> {
    const launch = randomBytes(32).toString('base64url');
    const [row] = await this.database.query<{ expires_at: Date }>(
      `INSERT INTO protocol.launches (digest, client_id, user_name, context, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) RETURNING expires_at`,
      [Buffer.from(launchDigest(launch), 'hex'), clientId, user, JSON.stringify(context), life],
    );
    if (row === undefined) throw new Error('the launch was not kept');
    return { launch, expiresAt: row.expires_at.toISOString() };
  }

  /** A launch of this application that was not spent; the hash is `launchDigest`'s. Throws `DatabaseUnavailable`. */
  async find(digest: string, clientId: string): Promise<Launch | undefined> {
    const [row] = await this.database.query<{ user_name: string; context: LaunchContext }>(
      `SELECT user_name, context FROM protocol.launches
       WHERE digest = $1 AND client_id = $2 AND spent_at IS NULL AND expires_at > now()`,
      [Buffer.from(digest, 'hex'), clientId],
    );
    return row && { clientId, user: row.user_name, context: row.context };
  }

  /** Spends it; false when it was spent before or has expired. Throws `DatabaseUnavailable`. */
  async spend(digest: string): Promise<boolean> {
    const spent = await this.database.query(
      `UPDATE protocol.launches SET spent_at = now()
       WHERE digest = $1 AND spent_at IS NULL AND expires_at > now() RETURNING digest`,
      [Buffer.from(digest, 'hex')],
    );
    return spent.length === 1;
  }
}
