CREATE TABLE `parted` (
	`conversation_id` integer PRIMARY KEY NOT NULL
);
