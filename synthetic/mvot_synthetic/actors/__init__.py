"""What a synthetic street shows: people, vehicles and street furniture."""
