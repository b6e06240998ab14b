import { Database } from '#host';
import { Injectable } from '@nestjs/common';
import { digestOf } from '../authorization-server/provider-records.js';
import type { PendingRequest } from './pending-request.js';

/** What the user has chosen so far, and when they were sent to sign in anew. */
export interface Choices {
  readonly patient?: string;
  readonly encounter?: string;
  readonly askedAgain?: Date;
}

interface ChoicesRow {
  readonly patient: string | null;
  readonly encounter: string | null;
  readonly asked_again: Date | null;
}

/** Keeps what was chosen on the way to consent; every method throws `DatabaseUnavailable`. */
@Injectable()
export class UserChoices {
  constructor(private readonly database: Database) {}

  /** Keeps which patient or encounter was chosen; whether it may be is asked in the next step. */
  async keep({ uid }: PendingRequest, chosen: Pick<Choices, 'patient' | 'encounter'>): Promise<void> {
    await this.database.query(
      `INSERT INTO protocol.choices (interaction, patient, encounter, expires_at)
       VALUES ($1, $2, $3, now() + interval '1 hour')
       ON CONFLICT (interaction) DO UPDATE SET
         patient = coalesce(excluded.patient, choices.patient),
         encounter = coalesce(excluded.encounter, choices.encounter)`,
      [digestOf(uid), chosen.patient ?? null, chosen.encounter ?? null],
    );
  }

  /** Keeps that a request has sent its user to sign in anew: one who has come back since then has done so. */
  async askedAgain({ uid }: PendingRequest): Promise<void> {
    await this.database.query(
      `INSERT INTO protocol.choices (interaction, asked_again, expires_at) VALUES ($1, now(), now() + interval '1 hour')
       ON CONFLICT (interaction) DO UPDATE SET asked_again = now()`,
      [digestOf(uid)],
    );
  }

  async of({ uid }: PendingRequest): Promise<Choices> {
    const [row] = await this.database.query<ChoicesRow>(
      'SELECT patient, encounter, asked_again FROM protocol.choices WHERE interaction = $1',
      [digestOf(uid)],
    );
    return {
      ...(row === undefined || row.patient === null ? {} : { patient: row.patient }),
      ...(row === undefined || row.encounter === null ? {} : { encounter: row.encounter }),
      ...(row === undefined || row.asked_again === null ? {} : { askedAgain: row.asked_again }),
    };
  }
}
