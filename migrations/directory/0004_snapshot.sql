CREATE TABLE `snapshot` (
	`position` integer PRIMARY KEY NOT NULL,
	`taken` text NOT NULL,
	`table_name` text NOT NULL,
	`line` text NOT NULL
);
