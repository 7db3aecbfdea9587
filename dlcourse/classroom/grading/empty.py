"""Empty: in the grader's sandbox this file stands in for dlcourse.classroom.grading."""
