DROP INDEX `invitations_by_from`;--> statement-breakpoint
CREATE INDEX `invitations_by_from` ON `invitations` (`from_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `events_by_organizer` ON `events` (`organizer_id`,`created_at`);