"""What a person or a program reads: JSON, JUnit, and one HTML page that stands by itself."""
