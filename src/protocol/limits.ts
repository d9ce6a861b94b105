/** Sizes and counts that both ends agree on. Bytes are UTF-8 bytes; texts are measured in Unicode code points, as zod does. */
export const LIMITS = {
  /** One WebSocket frame or one HTTP body, in bytes. */
  frameBytes: 256 * 1024,
  /** The text of one message. */
  textLength: 8_000,
  /** What the inbox shows of a text, in UTF-16 code units. */
  previewLength: 200,
  /** The ciphertext of a sealed message, in base64 characters. */
  sealedLength: 128 * 1024,
  /** Members of one group. */
  members: 1_000,
  /** Conversations that one user may begin in 24 hours: each takes room in somebody else's inbox. */
  conversationsPerDay: 1_000,
  /** Events that one user may make in 24 hours, and as many invitations: what the directory keeps is bounded by this. */
  plansPerDay: 1_000,
  /** Answers to one event: its organizer is told all of them with each change. */
  answersPerEvent: 1_000,
  /** Friend requests of one user that nobody has answered yet. */
  openRequests: 1_000,
  /** People whom one user may have blocked: their hubs keep a copy. */
  blocks: 2_000,
  /** Messages among which the unread ones are counted, the newest. */
  countedMessages: 10_000,
  /** People who are or ever were in one group. */
  membersEver: 10_000,
  /** Members whose read marks and typing the others are told of; above this, telling would cost the square of them. */
  intimateMembers: 100,
  /** Ids in one list of a request. */
  idsPerRequest: 100,
  /** Items in one page. */
  pageSize: 100,
  defaultPageSize: 50,
  /** Unread counts are exact up to here and stay here above. */
  unreadCount: 1_000,
  /** Different emoji on one message. */
  reactionsPerMessage: 20,
  attachmentsPerMessage: 10,
  mentionsPerMessage: 50,
  /** Sockets of one user; the oldest makes room for a new one. */
  socketsPerUser: 50,
  /** Bytes that may wait for a slow reader before its socket is cut (it resumes by revision). */
  bufferedBytes: 1024 * 1024,
} as const
