CREATE TABLE `ended_sessions` (
	`session_id` text PRIMARY KEY NOT NULL,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `inbox` (
	`conversation_id` integer PRIMARY KEY NOT NULL,
	`entry` text NOT NULL,
	`stale` integer NOT NULL,
	`asleep` integer NOT NULL,
	`nap` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `tickets` (
	`hash` text PRIMARY KEY NOT NULL,
	`session_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	`session_expires_at` integer NOT NULL
);
