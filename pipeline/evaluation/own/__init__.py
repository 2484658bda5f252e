"""A benchmark of our own: films whose every word, picture and cut is known, and questions.

A seed gives a script (`script`), the script films (`filming`) with their truth (`truth`), the
truth questions (`questions`). A profile brings the films into a lake, searches and answers
(`trial`), and is scored (`scoring`). README.md says what is in it and why.
"""
