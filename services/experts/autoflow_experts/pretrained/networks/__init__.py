"""What the models do, by kind of tool. Importing anything below imports torch."""
