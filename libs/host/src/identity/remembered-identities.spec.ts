import { jest } from '@jest/globals';
import { TokenRefused, type TokenIdentity } from './access-token.js';
import { RememberedIdentities } from './remembered-identities.js';

function identity(expiresAt: number): TokenIdentity {
  return { issuer: 'https://id.example.org', subject: 'dev', roles: ['developer'], withheld: [], expiresAt };
}

describe('whom a token speaks for', () => {
  let now: number;
  let memory: RememberedIdentities;
  const verify = jest.fn<(token: string) => Promise<TokenIdentity>>();
  beforeEach(() => {
    now = 1_000_000;
    memory = new RememberedIdentities(() => now);
    verify.mockReset().mockImplementation(() => Promise.resolve(identity(now + 300_000)));
  });

  it('is verified once for many calls, and again after a minute', async () => {
    await memory.of('token', verify);
    now += 59_999;
    await memory.of('token', verify);
    expect(verify).toHaveBeenCalledTimes(1);
    now += 1;
    await memory.of('token', verify);
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it('is verified anew at the end of the token', async () => {
    verify
      .mockResolvedValueOnce(identity(now + 5_000))
      .mockRejectedValueOnce(new TokenRefused('The token has expired.'));
    await memory.of('token', verify);
    now += 5_000;
    await expect(memory.of('token', verify)).rejects.toThrow('The token has expired.');
  });

  it('is another for another token, by whatever character they differ', async () => {
    await memory.of('token.signature', verify);
    await memory.of('token.signaturf', verify);
    expect(verify.mock.calls).toEqual([['token.signature'], ['token.signaturf']]);
  });

  it('is not remembered when it was refused', async () => {
    verify.mockRejectedValueOnce(new TokenRefused('The token’s signature is not its issuer’s.'));
    await expect(memory.of('token', verify)).rejects.toThrow(TokenRefused);
    await expect(memory.of('token', verify)).resolves.toMatchObject({ subject: 'dev' });
  });

  it('does not grow with the tokens that come', async () => {
    for (let count = 0; count <= 10_000; count++) await memory.of(`token ${count}`, verify);
    await memory.of('token 1', verify);
    expect(verify).toHaveBeenCalledTimes(10_001);
    await memory.of('token 0', verify);
    expect(verify).toHaveBeenCalledTimes(10_002);
  });
});
