import { Texts } from '#host';
import { IsInt, IsUUID, Max, Min } from 'class-validator';
import { Type } from 'typebox';

/** What is asked: what would these scopes have denied? */
export class NewSimulation {
  @IsUUID()
  applicationId: string;

  /** Narrower than what is approved, or equal; none for what a revocation would have denied. */
  @Texts(200, 512)
  scopes: string[];

  /** How far to look back, in days. */
  @IsInt()
  @Min(1)
  @Max(366)
  days: number = 90;
}

const count = (description: string) => Type.Integer({ minimum: 0, description });

/** What it would have denied. */
export const simulationSchema = Type.Object({
  applicationId: Type.String(),
  from: Type.String({ description: 'From the beginning of this day on, RFC 3339, UTC.' }),
  to: Type.String({ description: 'RFC 3339, UTC.' }),
  approvedScopes: Type.Array(Type.String()),
  scopes: Type.Array(Type.String()),
  calls: Type.Object({
    kept: count('Calls that were let in and would have been.'),
    narrowed: count('Calls whose answer may have held less.'),
    denied: count('Calls that were let in and would have been refused.'),
  }),
  items: Type.Array(
    Type.Object({
      interaction: Type.String(),
      resourceType: Type.Optional(Type.String()),
      scope: Type.Optional(Type.String({ description: 'The scopes that let these calls in.' })),
      calls: count('How many.'),
      lastUsedAt: Type.String({ description: 'RFC 3339, UTC.' }),
      effect: Type.Union([Type.Literal('kept'), Type.Literal('narrowed'), Type.Literal('denied')]),
    }),
    { description: 'What was denied first, then by how often it was used.' },
  ),
});
