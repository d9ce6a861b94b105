import type { CommandOf } from '../../src/protocol/commands.ts'

/** As large a message as there can be. A name beyond Latin-1 makes the whole frame take two bytes a letter. */
export const large = (conversationId: number, i: number): CommandOf<'message.send'> => ({
  type: 'message.send',
  conversationId,
  clientId: `large${i}`,
  content: {
    kind: 'sealed',
    nonce: 'AAAA',
    ciphertext: 'A'.repeat(131_072),
    authTag: 'AAAA',
    associatedData: 'A'.repeat(16_384),
  },
  attachments: [{ fileId: 'x', name: '漢' }],
})

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
