"""What stands at the cursor of an editor, and what can stand there."""
