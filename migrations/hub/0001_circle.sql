CREATE TABLE `circle` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`standing` text NOT NULL
);
