"""Text, tags, word vectors and lexicons: where they come from and what they hold. Knows no model and no experiment."""
