CREATE TABLE `metrics` (
	`id` integer PRIMARY KEY NOT NULL,
	`totals` text NOT NULL
);
