import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { openCheckpoint, signCheckpoint } from './checkpoint.js';
import { decodePublicKey, encodePublicKey, NoteRefused, openNote, signNote, verifierKey } from './signed-note.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const origin = 'gatehouse.example/audit/access.decisions/3';
const checkpoint = { origin, size: 12, root: Buffer.alloc(32, 7) };

describe('the form of a signed note', () => {
  // The example of golang.org/x/mod/sumdb/note, which the C2SP text is written after.
  const VERIFIER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const NOTE =
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n" +
    '\n' +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

  it('is the one that others write', () => {
    const key = decodePublicKey(VERIFIER);
    expect(verifierKey('PeterNeumann', key)).toBe(VERIFIER);
    expect(openNote(NOTE, 'PeterNeumann', key)).toMatch(/your problem is\.\n$/);
  });

  it('passes over the signatures of others', () => {
    const text = 'one line\n';
    const cosigned = signNote(text, 'witness.example', other.privateKey) + signNote(text, origin, privateKey).slice(10);
    expect(openNote(cosigned, origin, publicKey)).toBe(text);
  });

  it.each(['', 'text\n', 'text\n\n', 'text\n\nnot a signature\n', 'text\n\n— name\n'])('refuses %j', (note) => {
    expect(() => openNote(note, origin, publicKey)).toThrow(NoteRefused);
  });

  it.each(['', 'AAAA', 'name+00000000+AAAA', encodePublicKey(publicKey).slice(0, -2)])('refuses the key %j', (key) => {
    expect(() => decodePublicKey(key)).toThrow(NoteRefused);
  });
});

describe('a checkpoint', () => {
  const note = signCheckpoint(checkpoint, privateKey);

  it('is origin, size and head, then the signature', () => {
    expect(note.split('\n').slice(0, 4)).toEqual([origin, '12', checkpoint.root.toString('base64'), '']);
    expect(openCheckpoint(note, origin, decodePublicKey(encodePublicKey(publicKey)))).toEqual(checkpoint);
  });

  it('is refused under another key, and for another log', () => {
    expect(() => openCheckpoint(note, origin, other.publicKey)).toThrow(NoteRefused);
    expect(() => openCheckpoint(note, `${origin}1`, publicKey)).toThrow(NoteRefused);
    const renamed = signNote(`elsewhere\n12\n${checkpoint.root.toString('base64')}\n`, origin, privateKey);
    expect(() => openCheckpoint(renamed, origin, publicKey)).toThrow(/of elsewhere/);
  });

  it.each(['-1', '01', '1.5', '99999999999999999999', 'many', ''])('is refused with the size %j', (size) => {
    const signed = signNote(`${origin}\n${size}\n${checkpoint.root.toString('base64')}\n`, origin, privateKey);
    expect(() => openCheckpoint(signed, origin, publicKey)).toThrow(NoteRefused);
  });

  it('is refused when any character of what is signed is another', () => {
    const signed = note.indexOf('\n\n') + 1;
    fc.assert(
      fc.property(fc.nat(signed - 1), fc.constantFrom('0', 'x', '\n', '='), (at, character) => {
        fc.pre(note[at] !== character);
        const altered = note.slice(0, at) + character + note.slice(at + 1);
        expect(() => openCheckpoint(altered, origin, publicKey)).toThrow(NoteRefused);
      }),
    );
  });

  it('is signed alike by a key that was stored', () => {
    const stored = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(signCheckpoint(checkpoint, stored)).toBe(note);
  });
});
