import { Type, type Static } from 'typebox';
import { message, type MessageOf } from '../definition.js';

/**
 * Why somebody is erased (GDPR, Article 17(1)). A closed list: in a text of one's own a name could stand, and the topic
 * keeps it for ever.
 */
export const erasureReasons = [
  'requested',
  'consent-withdrawn',
  'no-longer-needed',
  'unlawful',
  'legal-obligation',
] as const;
export type ErasureReason = (typeof erasureReasons)[number];

const SubjectErased = Type.Object({
  reason: Type.Union([
    Type.Literal('requested'),
    Type.Literal('consent-withdrawn'),
    Type.Literal('no-longer-needed'),
    Type.Literal('unlawful'),
    Type.Literal('legal-obligation'),
  ]),
});
export type SubjectErased = Static<typeof SubjectErased>;

/** The one message of the erasures topic. Its subject is the random id that nobody is behind any more. */
export const vault = {
  'subject-erased': message(
    'What the vault kept of a person or a patient was destroyed. It holds for every copy of the vault, earlier ones too.',
    SubjectErased,
  ),
} as const;

export type VaultEvent = MessageOf<typeof vault>;
