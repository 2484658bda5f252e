"""How good it is: predictions, or what a lake holds, against what people wrote down.

A task reads its truth (`data_sets`), brings the predictions of a file or of a lake to the
same items, and gives sums an item (`bootstrap`), of which every metric and its interval of
confidence are made.
"""
