import { testIssuer } from '#testing';

/** Who uses a Gatehouse, by the role that their token says. */
type Role = 'developer' | 'reviewer' | 'auditor' | 'operator' | 'enforcement-point';

/** An access token for everybody. */
export type Tokens = Readonly<Record<Role, string>>;

/** Longer than any form takes, in seconds. */
const LIFE_S = 7_200;

/** The identity provider of everybody, and their tokens, made once. */
export async function everybody(): Promise<{
  readonly environment: Readonly<Record<string, string>>;
  readonly tokens: Tokens;
  close(): Promise<void>;
}> {
  const issuer = await testIssuer();
  const exp = Math.floor(Date.now() / 1_000) + LIFE_S;
  const tokenOf = (role: Role): Promise<string> =>
    issuer.token({ sub: `the-${role}`, name: role, email: `${role}@example.org`, roles: [role], exp });
  const [developer, reviewer, auditor, operator, point] = await Promise.all([
    tokenOf('developer'),
    tokenOf('reviewer'),
    tokenOf('auditor'),
    tokenOf('operator'),
    tokenOf('enforcement-point'),
  ]);
  return {
    environment: { IDENTITY_ISSUER: issuer.issuer, IDENTITY_AUDIENCE: issuer.audience },
    tokens: { developer, reviewer, auditor, operator, 'enforcement-point': point },
    close: () => issuer.close(),
  };
}
