"""The provider `rack`: machines that exist already."""
