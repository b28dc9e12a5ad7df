"""Korean pronunciation: the rules of the standard, and a Transformer that learns them."""
