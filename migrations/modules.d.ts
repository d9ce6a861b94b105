// drizzle-kit writes these modules for Durable Object storage; it gives them no types.
declare module '*/migrations.js' {
  const migrations: {
    journal: { entries: { idx: number; when: number; tag: string; breakpoints: boolean }[] }
    migrations: Record<string, string>
  }
  export default migrations
}
