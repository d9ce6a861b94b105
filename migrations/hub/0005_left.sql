ALTER TABLE `parted` ADD `epoch` text;--> statement-breakpoint
ALTER TABLE `parted` ADD `rev` integer;