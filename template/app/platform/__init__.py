"""The template's nouns: who, may, trail. An update merges what is new into what you edited."""
