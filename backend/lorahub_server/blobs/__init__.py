"""Large files: uploads, their verification, and who refers to which bytes."""
