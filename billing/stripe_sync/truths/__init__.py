"""What is true of each kind of subject: how it is fetched, and how it is stored."""
