CREATE TABLE `conversation` (
	`id` integer PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`title` text,
	`created_by` integer NOT NULL,
	`created_at` integer NOT NULL,
	`epoch` text NOT NULL,
	`read_receipts` integer NOT NULL,
	`deleted_at` integer,
	`rev` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `members` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`role` text NOT NULL,
	`joined_at` integer NOT NULL,
	`left_at` integer,
	`read_seq` integer NOT NULL,
	`rev` integer NOT NULL,
	`asleep` integer NOT NULL,
	`nap` integer NOT NULL,
	`told` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `messages` (
	`seq` integer PRIMARY KEY NOT NULL,
	`rev` integer NOT NULL,
	`changed_rev` integer,
	`sender_id` integer NOT NULL,
	`client_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`edited_at` integer,
	`deleted_at` integer,
	`pinned_at` integer,
	`body` text,
	`reactions` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `messages_by_client_id` ON `messages` (`sender_id`,`client_id`);--> statement-breakpoint
CREATE INDEX `messages_by_change` ON `messages` (`changed_rev`) WHERE changed_rev IS NOT NULL;